"""How is a trained network used? From its checkpoint, or as an estimator of scikit-learn's."""
