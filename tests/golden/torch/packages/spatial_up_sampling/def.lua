require 'nnx'
return nn.SpatialUpSampling(3, 2)
