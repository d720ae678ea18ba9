require 'stn'
return nn.AffineGridGeneratorBHWD(4, 3)
