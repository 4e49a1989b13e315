"""`keras.src.quantizers`: its modules by name, said in kernelkit's."""

from kernelkit.layers.quantized.calibrated import AWQCalibration, GPTQCalibration, matrix_shape
from kernelkit.models.quantize import calibrate, dataloader, should_quantize_layer  # noqa: F401
from kernelkit.quantizers.awq import awq_quantize_matrix, awq_search_optimal_scales  # noqa: F401
from kernelkit.quantizers.config import validate_and_resolve_config  # noqa: F401
from kernelkit.quantizers.gptq import gptq_quantize_matrix  # noqa: F401
from kernelkit.quantizers.gptq import stable_permutation as _stable_permutation  # noqa: F401
from kernelkit.quantizers.integers import *  # noqa: F403

get_dataloader = dataloader


def gptq_quantize(config, quantization_layer_structure, filters=None):
    if quantization_layer_structure is None:
        raise ValueError("For 'gptq' mode, a valid quantization structure must be provided.")
    calibrate(config, quantization_layer_structure, filters)


class _Calibration:
    """Keras's object for the calibration of one layer."""

    mode, kind = "gptq", GPTQCalibration

    def __init__(self, layer, config=None):
        import kernelkit as kk

        if not isinstance(layer, (kk.layers.Dense, kk.layers.EinsumDense)):
            raise TypeError(f"Unsupported layer type for {self.mode.upper()}: {type(layer)}")
        made = {"gptq": kk.quantizers.GPTQConfig, "awq": kk.quantizers.AWQConfig}[self.mode]
        config = config or made(None, None)
        self.layer = layer
        if layer.form is None:
            layer.quantize(self.mode, config=config, type_check=False)
        self.inner = self.kind(layer.form, config)
        self.rows, self.columns = self.inner.rows, self.inner.columns
        assert (self.rows, self.columns) == matrix_shape(layer.form.shape)

    @property
    def num_samples(self):
        return self.inner.num_samples

    def _see(self, inputs):
        if inputs is None:
            raise ValueError("Input tensor cannot be None.")
        if 0 in inputs.shape:
            raise ValueError("Input tensor cannot be empty.")
        if inputs.shape[-1] != self.rows:
            raise ValueError(f"{inputs.shape} do not match input features: does not match input features {self.rows}")
        self.inner.see(inputs)

    def _finish(self):
        self.inner.finish()
        self.layer.end_calibration()

    def free(self):
        del self.inner, self.layer


class GPTQ(_Calibration):
    update_hessian_with_batch = _Calibration._see

    @property
    def hessian(self):
        return self.inner.hessian

    @hessian.setter
    def hessian(self, value):
        self.inner.hessian = value

    def quantize_and_correct_layer(self, blocksize=128):
        self._finish()


class AWQ(_Calibration):
    mode, kind = "awq", AWQCalibration
    update_activation_magnitudes = _Calibration._see

    @property
    def activation_magnitudes(self):
        return self.inner.magnitudes

    quantize_layer = _Calibration._finish
