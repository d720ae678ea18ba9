require 'nn' -- warning[W0605]: the shape of `input` is not known
local net = nn.Sequential()
net:add(nn.View(-1):setNumInputDims(3))
net:add(nn.Linear(784, 10))
net:add(nn.LogSoftMax())
return {
   model = net,
   loss = nn.ClassNLLCriterion(),
   labelHook = 3, -- error[E0705]: `labelHook` is a number, not a function
}
