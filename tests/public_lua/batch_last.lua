-- cuda-convnet2's layers between two transpositions: the batch is the last dimension inside.
require 'ccn2'
require 'cudnn'

function createModel(nGPU)
   local features = nn.Sequential()
   features:add(nn.Transpose({1,4},{1,3},{1,2}))
   features:add(ccn2.SpatialConvolution(3, 64, 11, 4, 0, 1, 4))
   features:add(cudnn.ReLU(true))
   features:add(ccn2.SpatialMaxPooling(3, 2))
   features:add(ccn2.SpatialCrossResponseNormalization(5))
   features:add(ccn2.SpatialConvolution(64, 192, 5, 1, 2, 2, 3))
   features:add(cudnn.ReLU(true))
   features:add(ccn2.SpatialMaxPooling(3, 2))
   features:add(nn.Transpose({4,1},{4,2},{4,3}))
   features = makeDataParallel(features, nGPU)
   local classifier = nn.Sequential()
   classifier:add(nn.View(192 * 13 * 13))
   classifier:add(nn.Linear(192 * 13 * 13, nClasses))
   classifier:add(nn.LogSoftMax())
   return nn.Sequential():add(features):add(classifier)
end
