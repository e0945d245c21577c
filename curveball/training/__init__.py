"""How is a network trained, safely, for hours? `train` goes through the epochs with any solver and any problem that has
what `protocol.TrainingProblem` lists, keeps a log and a checkpoint of every epoch, and resumes a run exactly.
"""
