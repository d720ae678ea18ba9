require 'nnx'
return nn.SpatialClassifier(nn.Linear(3, 2))
