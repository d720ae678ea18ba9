require 'nn' -- warning[W0605]: the shape of `input` is not known, so shapes are not checked
local hidden = 8
net = nn.Sequential():add(nn.Linear(4, hidden)):add(nn.Tanh()):add(nn.Linear(hidden, 2))
local criterion = nn.MSECriterion()
local function step(x, y)
   local loss = criterion:forward(net:forward(x), y)
   net:backward(x, criterion:backward(net.output, y))
   net:updateParameters(0.1)
   return loss
end
for i = 1, 3 do
   step(torch.rand(4), torch.rand(2)) -- warning[W0635]: what follows is not run: what a network gives is known only when it runs
end
-- line 1: warning[W0605]: the shape of `target` is not known
