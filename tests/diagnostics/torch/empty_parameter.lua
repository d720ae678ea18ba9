require 'nn' -- warning[W0605]: the shape of `input` is not known
local net = nn.Sequential()
net:add(nn.Constant(torch.Tensor())) -- error[E0701]: `value` of nn.Constant has no elements
return net
