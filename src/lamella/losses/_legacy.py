"""Names that older programs know losses by."""

from lamella.losses._crossentropy import binary_crossentropy, kl_divergence
from lamella.losses._regression import (
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)

__all__ = [
    "BCE", "KLD", "MAE", "MAPE", "MSE", "MSLE", "Reduction",
    "bce", "kld", "kullback_leibler_divergence", "logcosh", "mae", "mape", "mse", "msle",
]  # fmt: skip

mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
bce = BCE = binary_crossentropy
kld = KLD = kullback_leibler_divergence = kl_divergence
logcosh = log_cosh


class Reduction:
    """Names of the reductions of a loss."""

    AUTO = SUM_OVER_BATCH_SIZE = "sum_over_batch_size"
    SUM = "sum"
    NONE = "none"
