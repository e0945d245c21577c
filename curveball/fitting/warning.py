"""The warning of a fit whose parameters are not all determined."""


class FitWarning(UserWarning):
    """The data do not determine some parameters."""
