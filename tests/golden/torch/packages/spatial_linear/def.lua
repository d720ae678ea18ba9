require 'nnx'
return nn.SpatialLinear(3, 2)
