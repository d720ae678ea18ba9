require 'dpnn'
return nn.NCEModule(3, 4, 2, torch.Tensor{0, 0, 0.5, 0})
