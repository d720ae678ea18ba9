-- A file of a benchmark: a function that is given the classes to build with, and returns a name and a size as well.
local function overfeat(lib)
   local SpatialConvolution = lib[1]
   local SpatialMaxPooling = lib[2]
   local ReLU = lib[3]
   local SpatialZeroPadding = nn.SpatialZeroPadding
   local padding, stride = true, 4
   if lib[5] == 'fbfft' then
      padding, stride = false, 1
   end
   local features = nn.Sequential()
   features:add(SpatialConvolution(3, 96, 11, 11, stride, stride)):add(ReLU(true)):add(SpatialMaxPooling(2, 2, 2, 2))
   features:add(SpatialConvolution(96, 256, 5, 5, 1, 1)):add(ReLU(true)):add(SpatialMaxPooling(2, 2, 2, 2))
   if padding then
      features:add(SpatialConvolution(256, 512, 3, 3, 1, 1, 1, 1))
   else
      features:add(SpatialZeroPadding(1, 1, 1, 1)):add(SpatialConvolution(256, 512, 3, 3))
   end
   features:add(ReLU(true)):add(SpatialMaxPooling(2, 2, 2, 2))
   local classifier = nn.Sequential()
   classifier:add(nn.View(512 * 6 * 6)):add(nn.Linear(512 * 6 * 6, 1000))
   return nn.Sequential():add(features):add(classifier), 'OverFeat[fast]', {128, 3, 231, 231}
end

return overfeat
