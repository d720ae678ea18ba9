require 'nnx'
return nn.SpatialDownSampling{rW = 2, rH = 3}
