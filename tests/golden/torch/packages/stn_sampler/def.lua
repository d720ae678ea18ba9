require 'stn'
return nn.BilinearSamplerBHWD()
