require 'nnx'
return nn.SpatialReSampling{owidth = 7, oheight = 3}
