"""Pictures for teaching: what a trained model has learned, and its mistakes."""

from kernelkit.viz.teaching.activations import activations
from kernelkit.viz.teaching.batch import BatchTable, show_batch
from kernelkit.viz.teaching.boundary import decision_boundary
from kernelkit.viz.teaching.confusion import confusion_matrix
from kernelkit.viz.teaching.embedding import embedding
from kernelkit.viz.teaching.filters import filters
from kernelkit.viz.teaching.learning_rate import RangeTest, find_learning_rate
from kernelkit.viz.teaching.predictions import predictions
from kernelkit.viz.teaching.top_losses import top_losses
from kernelkit.viz.teaching.weights import weights
