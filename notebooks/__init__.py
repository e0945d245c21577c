"""The course: nine notebooks from one derivative to CurveBall on images; `course.py` is what they share."""
