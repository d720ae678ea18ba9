require 'nnx'
return nn.SoftMaxTree(3, {[1] = torch.IntTensor{2, 3, 4}, [3] = torch.IntTensor{5, 6}, [6] = torch.IntTensor{7, 8, 9}}, 1)
