require 'dpnn'
return nn.SpatialGlimpse(4, 2, 2)
