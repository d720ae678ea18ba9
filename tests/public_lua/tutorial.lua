-- A file of a tutorial: it describes its own options, and leaves the model and the loss in global variables.
require 'torch'
require 'image'
require 'nn'

if not opt then
   print '==> processing options'
   cmd = torch.CmdLine()
   cmd:text()
   cmd:text('Model Definition')
   cmd:option('-model', 'convnet', 'type of model to construct: linear | mlp | convnet')
   cmd:option('-visualize', false, 'visualize input data and weights during training')
   opt = cmd:parse(arg or {})
end

noutputs = 10
nfeats, width, height = 3, 32, 32
ninputs = nfeats * width * height
nstates = {64, 64, 128}
filtsize, poolsize = 5, 2
normkernel = image.gaussian1D(7)

if opt.model == 'linear' then
   model = nn.Sequential()
   model:add(nn.Reshape(ninputs))
   model:add(nn.Linear(ninputs, noutputs))
elseif opt.model == 'convnet' then
   model = nn.Sequential()
   for stage = 1, 2 do
      model:add(nn.SpatialConvolutionMM(stage == 1 and nfeats or nstates[1], nstates[stage], filtsize, filtsize))
      model:add(nn.Tanh())
      model:add(nn.SpatialLPPooling(nstates[stage], 2, poolsize, poolsize, poolsize, poolsize))
      model:add(nn.SpatialSubtractiveNormalization(nstates[stage], normkernel))
   end
   model:add(nn.Reshape(nstates[2] * filtsize * filtsize))
   model:add(nn.Linear(nstates[2] * filtsize * filtsize, nstates[3])):add(nn.Tanh())
   model:add(nn.Linear(nstates[3], noutputs))
else
   error('unknown -model')
end
model:add(nn.LogSoftMax())
loss = nn.ClassNLLCriterion()
print(model)
