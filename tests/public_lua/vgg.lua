-- VGG as a table of strings and numbers; the model is made by a function of this name that the program calls.
function createModel(nGPU)
   require 'cudnn'
   local modelType = 'D'
   local cfg = {}
   if modelType == 'A' then
      cfg = {64, 'M', 128, 'M', 256, 256, 'M', 512, 512, 'M', 512, 512, 'M'}
   elseif modelType == 'D' then
      cfg = {64, 64, 'M', 128, 128, 'M', 256, 256, 256, 'M', 512, 512, 512, 'M', 512, 512, 512, 'M'}
   else
      error('Unknown model type: ' .. modelType .. ' | Please specify a modelType A or D')
   end
   local features = nn.Sequential()
   do
      local iChannels = 3
      for k, v in ipairs(cfg) do
         if v == 'M' then
            features:add(cudnn.SpatialMaxPooling(2, 2, 2, 2))
         else
            local oChannels = v
            local conv3 = cudnn.SpatialConvolution(iChannels, oChannels, 3, 3, 1, 1, 1, 1)
            features:add(conv3)
            features:add(cudnn.ReLU(true))
            iChannels = oChannels
         end
      end
   end
   features:cuda()
   features = makeDataParallel(features, nGPU)
   local classifier = nn.Sequential()
   classifier:add(nn.View(512 * 7 * 7):setNumInputDims(3))
   classifier:add(nn.Linear(512 * 7 * 7, 4096))
   classifier:add(nn.Threshold(0, 1e-6))
   classifier:add(nn.BatchNormalization(4096, 1e-3))
   classifier:add(nn.Dropout(0.5))
   classifier:add(nn.Linear(4096, 4096))
   classifier:add(nn.Threshold(0, 1e-6))
   classifier:add(nn.BatchNormalization(4096, 1e-3))
   classifier:add(nn.Dropout(0.5))
   classifier:add(nn.Linear(4096, nClasses))
   classifier:add(nn.LogSoftMax())
   classifier:cuda()
   local model = nn.Sequential()
   model:add(features):add(classifier)
   model.imageSize = 256
   model.imageCrop = 224
   return model
end
