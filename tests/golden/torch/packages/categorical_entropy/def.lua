require 'dpnn'
return nn.CategoricalEntropy(1.5)
