"""How well do data fix the parameters of a formula? Least squares by Levenberg-Marquardt, with error bars.

`least_squares` takes residuals, `fit` a formula and data; a file for each idea that they share.
"""
