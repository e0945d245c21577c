"""How sure is a prediction? A Laplace approximation, from the curvature at a solution."""
