require 'nn' -- warning[W0605]: the shape of `input` is not known, so shapes are not checked
local Halve, parent = torch.class('nn.Halve', 'nn.Module')
function Halve:__init() parent.__init(self) end
function Halve:updateOutput(input)
   self.output:resizeAs(input):copy(input):mul(0.5)
   return self.output
end
local net = nn.Sequential()
net:add(nn.Linear(4, 3))
net:add(nn.Halve())
net:add(nn.Linear(3, 2))
return net
