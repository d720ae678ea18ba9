-- The Siamese net of the tutorial with a loss on a distance: two LeNet towers with tied weights on an image of three
-- channels, of which the second and the third (green and blue) are the images of a pair. The sum of absolute differences
-- between the two features becomes small for a pair of one class, and at least the margin for others.
return function(params)
   assert(params.ngpus <= 1, 'tied weights train on one device only')
   require 'nn'
   local height, width = 28, 28
   if params.inputShape then
      height, width = params.inputShape[2], params.inputShape[3]
      assert(height == 28 and width == 28, 'the towers are made for images of 28 x 28')
   end

   local tower = nn.Sequential()
   tower:add(nn.Reshape(1, height, width))
   tower:add(nn.MulConstant(1 / 256))
   tower:add(nn.SpatialConvolution(1, 20, 5, 5))
   tower:add(nn.SpatialMaxPooling(2, 2, 2, 2))
   tower:add(nn.SpatialConvolution(20, 50, 5, 5))
   tower:add(nn.SpatialMaxPooling(2, 2, 2, 2))
   tower:add(nn.View(-1):setNumInputDims(3))
   tower:add(nn.Linear(800, 500))
   tower:add(nn.ReLU())
   tower:add(nn.Linear(500, 2))
   tower:add(nn.Reshape(1, 2))

   local towers = nn.Parallel(2, 2)
   towers:add(tower)
   towers:add(tower:clone('weight', 'bias', 'gradWeight', 'gradBias'))

   local model = nn.Sequential()
   model:add(nn.Narrow(2, 2, 2))
   model:add(towers)
   model:add(nn.SplitTable(2))

   return {
      model = model,
      loss = nn.L1HingeEmbeddingCriterion(2),
      trainBatchSize = 64,
      validationBatchSize = 64,
      -- Pairs of different classes are stored as 0 and trained as -1.
      labelHook = function(input, label)
         label[torch.eq(label, 0)] = -1
         return label
      end,
   }
end
