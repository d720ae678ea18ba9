require 'nnx'
return nn.SpatialPadding(2, -1, -1, 1)
