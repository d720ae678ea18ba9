require 'nnx'
return nn.Minus()
