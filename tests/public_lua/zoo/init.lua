-- A module of functions, of which `setup` makes the model and its criterion by the name of a file of the same folder.
require 'nn'
require 'cunn'
require 'cudnn'

local M = {}

function M.setup(opt, checkpoint)
   local model
   if checkpoint then
      model = torch.load(paths.concat(opt.resume, checkpoint.modelFile))
   elseif opt.retrain ~= 'none' then
      assert(paths.filep(opt.retrain), 'no such file: ' .. opt.retrain)
      model = torch.load(opt.retrain)
   else
      model = require('zoo/' .. opt.netType)(opt)
   end
   if torch.type(model) == 'nn.DataParallelTable' then model = model:get(1) end
   if opt.shareGradInput then
      local cache = {}
      model:apply(function(m)
         local kind = torch.type(m)
         if torch.isTensor(m.gradInput) and kind ~= 'nn.ConcatTable' then
            cache[kind] = cache[kind] or torch.CudaStorage(1)
            m.gradInput = torch.CudaTensor(cache[kind], 1, 0)
         end
      end)
   end
   if opt.resetClassifier and not checkpoint then
      local last = model:get(#model.modules)
      assert(torch.type(last) == 'nn.Linear')
      local linear = nn.Linear(last.weight:size(2), opt.nClasses)
      linear.bias:zero()
      model:remove(#model.modules)
      model:add(linear:cuda())
   end
   if opt.cudnn == 'deterministic' then
      model:apply(function(m)
         if m.setMode then m:setMode(1, 1, 1) end
      end)
   end
   if opt.nGPU > 1 then
      local parallel = nn.DataParallelTable(1, true, true)
      parallel:add(model, torch.range(1, opt.nGPU):totable()):threads(function() require 'cudnn' end)
      parallel.gradInput = nil
      model = parallel:cuda()
   end
   return model, nn.CrossEntropyCriterion():cuda()
end

return M
