require 'stn'
return nn.AffineTransformMatrixGenerator(true, true, true)
