require 'nn' -- warning[W0605]: the shape of `input` is not known, so shapes are not checked
local function net(last, criterion)
   local model = nn.Sequential():add(nn.Linear(3, 2))
   if last then model:add(last) end
   return model, criterion
end
local towers, loss = nn.ConcatTable(), nn.ParallelCriterion()
local function case(last, criterion)
   local model = net(last, criterion)
   towers:add(model)
   loss:add(criterion)
end
case(nn.Sigmoid(), nn.ClassNLLCriterion()) -- warning[W0632]: nn.ClassNLLCriterion reads logarithms of probabilities, and nn.Sigmoid gives none
case(nn.SoftMax(), nn.ClassNLLCriterion()) -- warning[W0632]: nn.ClassNLLCriterion reads logarithms of probabilities, and nn.SoftMax gives none
case(nn.SoftMax(), nn.CrossEntropyCriterion()) -- warning[W0632]: nn.CrossEntropyCriterion takes the softmax itself, and nn.SoftMax takes it before
case(nn.LogSoftMax(), nn.CrossEntropyCriterion()) -- warning[W0632]: nn.CrossEntropyCriterion takes the logarithm of the softmax itself, and nn.LogSoftMax takes it before
case(nn.Tanh(), nn.BCECriterion()) -- warning[W0632]: nn.BCECriterion reads probabilities, and nn.Tanh gives other numbers
case(nn.LogSoftMax(), nn.ClassNLLCriterion())
case(nn.Sequential():add(nn.SoftMax()):add(nn.Log()), nn.ClassNLLCriterion())
case(nn.LogSigmoid(), nn.ClassNLLCriterion())
case(nil, nn.CrossEntropyCriterion())
case(nn.Sequential():add(nn.Sigmoid()):add(nn.View(-1)), nn.BCECriterion())
case(nn.SoftMax(), nn.BCECriterion())
case(nn.LogSoftMax(), nn.MSECriterion())
return { model = towers, loss = loss }
-- line 1: warning[W0605]: the shape of `target.0` is not known, so shapes are not checked
-- line 1: warning[W0605]: the shape of `target.1` is not known, so shapes are not checked
-- line 1: warning[W0605]: the shape of `target.2` is not known, so shapes are not checked
-- line 1: warning[W0605]: the shape of `target.3` is not known, so shapes are not checked
-- line 1: warning[W0605]: the shape of `target.4` is not known, so shapes are not checked
-- line 1: warning[W0605]: the shape of `target.5` is not known, so shapes are not checked
-- line 1: warning[W0605]: the shape of `target.6` is not known, so shapes are not checked
-- line 1: warning[W0605]: the shape of `target.7` is not known, so shapes are not checked
-- line 1: warning[W0605]: the shape of `target.8` is not known, so shapes are not checked
-- line 1: warning[W0605]: the shape of `target.9` is not known, so shapes are not checked
-- line 1: warning[W0605]: the shape of `target.10` is not known, so shapes are not checked
-- line 1: warning[W0605]: the shape of `target.11` is not known, so shapes are not checked
