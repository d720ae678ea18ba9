local conv = nnlib.SpatialConvolution
local batchnorm = nn.SpatialBatchNormalization

local function convBlock(numIn, numOut)
   return nn.Sequential()
      :add(batchnorm(numIn)):add(nnlib.ReLU(true)):add(conv(numIn, numOut / 2, 1, 1))
      :add(batchnorm(numOut / 2)):add(nnlib.ReLU(true)):add(conv(numOut / 2, numOut / 2, 3, 3, 1, 1, 1, 1))
      :add(batchnorm(numOut / 2)):add(nnlib.ReLU(true)):add(conv(numOut / 2, numOut, 1, 1))
end

local function skipLayer(numIn, numOut)
   if numIn == numOut then return nn.Identity() end
   return nn.Sequential():add(conv(numIn, numOut, 1, 1))
end

function Residual(numIn, numOut)
   return nn.Sequential()
      :add(nn.ConcatTable():add(convBlock(numIn, numOut)):add(skipLayer(numIn, numOut)))
      :add(nn.CAddTable(true))
end
