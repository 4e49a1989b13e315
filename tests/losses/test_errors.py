"""Labels that don't fit: the message says what was expected, what came and what to do."""

from __future__ import annotations

import numpy as np
import pytest

from kernelkit import losses


def message(function, true, pred):
    with pytest.raises(ValueError) as error:
        function(np.zeros(true), np.full(pred, 0.1))
    return str(error.value)


def test_integer_labels_in_categorical_crossentropy():
    text = message(losses.categorical_crossentropy, (8,), (8, 10))
    assert "losses.categorical_crossentropy" in text and "(8, 10)" in text and "(8,)" in text
    assert "sparse_categorical_crossentropy" in text and "to_categorical(y, 10)" in text
    assert "sparse_categorical_crossentropy" in message(losses.CategoricalCrossentropy(), (8, 1), (8, 10))


def test_one_hot_labels_in_sparse_categorical_crossentropy():
    text = message(losses.sparse_categorical_crossentropy, (8, 10), (8, 10))
    assert "(8, 10)" in text and "(8,)" in text and " categorical_crossentropy" in text and "argmax" in text


def test_ten_outputs_and_one_label_in_binary_crossentropy():
    for true in ((8,), (8, 1)):
        text = message(losses.BinaryCrossentropy(), true, (8, 10))
        assert "each of the 10 outputs" in text and "sparse_categorical_crossentropy" in text and "Dense(1)" in text


def test_another_number_of_classes():
    assert "Dense(5)" in message(losses.categorical_crossentropy, (8, 5), (8, 10))


def test_class_indices_in_a_regression_loss():
    text = message(losses.mean_squared_error, (8,), (8, 10))
    assert "sparse_categorical_crossentropy" in text and "Dense(1)" in text
    # Ten samples and ten outputs: nothing may be broadcast in silence.
    assert "10 numbers for each label" in message(losses.mean_squared_error, (10,), (10, 10))


def test_batches_of_unequal_size():
    assert "batch sizes differ" in message(losses.mean_absolute_error, (8, 3), (7, 3))


def test_a_scalar_prediction():
    assert "(batch, 1)" in message(losses.mean_squared_error, (), ())


def test_one_column_against_many_is_computed_with_a_warning():
    with pytest.warns(UserWarning, match="broadcast against"):
        assert losses.mean_squared_error(np.zeros((4, 1)), np.ones((4, 3))).shape == (4,)


def test_one_class_warns():
    with pytest.warns(UserWarning, match="binary_crossentropy"):
        losses.sparse_categorical_crossentropy(np.zeros(4), np.ones((4, 1)))
    with pytest.warns(UserWarning, match="binary_crossentropy"):
        losses.categorical_crossentropy(np.zeros((4, 1)), np.ones((4, 1)))


def test_ctc_and_circle():
    assert "(batch, time, classes)" in message(losses.ctc, (2, 3), (2, 3))
    assert "not one-hot" in message(losses.circle, (4, 3), (4, 5))


def test_sample_weights_that_fit_no_axis():
    with pytest.raises(ValueError, match=r"sample_weight has shape \(3,\).*shape \(8,\)"):
        losses.MeanSquaredError()(np.zeros((8, 2)), np.zeros((8, 2)), sample_weight=np.ones(3))


def test_arguments():
    with pytest.raises(ValueError, match="argument `reduction`"):
        losses.MeanSquaredError(reduction="average")
    with pytest.raises(ValueError, match="between 0 and 1"):
        losses.CategoricalGeneralizedCrossEntropy(q=1.5)
    with pytest.raises(ValueError, match="'mean_squared_error'"):
        losses.get("mean_square_error")
    with pytest.raises(NotImplementedError, match=r"call\(y_true, y_pred\)"):
        losses.Loss()([0.0], [0.0])


@pytest.mark.parametrize("loss", [losses.BinaryCrossentropy, losses.BinaryFocalCrossentropy])
def test_three_outputs_and_class_labels_in_a_binary_loss(loss):
    with pytest.raises(ValueError, match=r"same shape, got \(3, 1\) and \(3, 3\).*sparse_categorical_crossentropy"):
        loss()(np.array([[0], [1], [2]]), np.full((3, 3), 0.1))
    with pytest.raises(ValueError, match="from 0 to 2"):
        loss()(np.array([0, 1, 2]), np.full((3, 1), 0.1))
