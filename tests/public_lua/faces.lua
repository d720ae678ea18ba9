-- Embeddings of faces: blocks of dpnn, and a last layer that brings features to unit length.
imgDim = 96

function createModel()
   local net = nn.Sequential()
   net:add(nn.SpatialConvolutionMM(3, 64, 7, 7, 2, 2, 3, 3))
   net:add(nn.SpatialBatchNormalization(64))
   net:add(nn.ReLU())
   net:add(nn.SpatialZeroPadding(1, 1, 1, 1))
   net:add(nn.SpatialMaxPooling(3, 3, 2, 2))
   net:add(nn.SpatialCrossMapLRN(5, 0.0001, 0.75))
   net:add(nn.Inception{
      inputSize = 64, kernelSize = {3, 5}, kernelStride = {1, 1}, outputSize = {128, 32}, reduceSize = {96, 16, 32, 64},
      pool = nn.SpatialMaxPooling(3, 3, 1, 1, 1, 1), batchNorm = true
   })
   net:add(nn.Inception{
      inputSize = 256, kernelSize = {3}, kernelStride = {2}, outputSize = {256}, reduceSize = {128, 64},
      pool = nn.SpatialLPPooling(256, 2, 3, 3, 2, 2), batchNorm = true, padding = false
   })
   net:add(nn.SpatialAveragePooling(11, 11))
   net:add(nn.View(320))
   net:add(nn.Linear(320, 128))
   net:add(nn.Normalize(2))
   return net
end
