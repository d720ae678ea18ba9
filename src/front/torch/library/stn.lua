-- The package stn (github.com/qassemoquab/stnbhwd): spatial transformers on images whose channels lie last, B x H x W x D
-- (Jaderberg et al. 2015). Places count from -1 at the first row or column to 1 at the last; rows come first.
local torch, nn, native = ...

local class = native.definer('nn', nn)
local loading = native.loading
native.loading = true

-- Batches of one for what has no batch.
local function batched(tensor, dimensions)
   if tensor:dim() == dimensions then return tensor, false end
   if tensor:dim() ~= dimensions - 1 then
      error(string.format('%d dimensions expected, or %d without a batch, and there are %d', dimensions, dimensions - 1, tensor:dim()), 3)
   end
   return tensor:contiguous():view(1, unpack(tensor:size():totable())), true
end

---------------------------------------------------------------- places
local Grid = class('AffineGridGeneratorBHWD', nn.Module)
function Grid:__init(height, width)
   nn.Module.__init(self)
   if not height or not width or height < 2 or width < 2 then
      error('nn.AffineGridGeneratorBHWD needs a height and a width above 1', 3)
   end
   self.height, self.width = height, width
   self.baseGrid = torch.Tensor(height, width, 3)
   for i = 1, height do self.baseGrid:select(3, 1):select(1, i):fill(-1 + (i - 1) / (height - 1) * 2) end
   for j = 1, width do self.baseGrid:select(3, 2):select(2, j):fill(-1 + (j - 1) / (width - 1) * 2) end
   self.baseGrid:select(3, 3):fill(1)
end
function Grid:updateOutput(transforms)
   local matrices, alone = batched(transforms, 3)
   local n, places = matrices:size(1), self.height * self.width
   local base = self.baseGrid:view(1, places, 3):expand(n, places, 3):contiguous()
   local grid = torch.bmm(base, matrices:transpose(2, 3):contiguous()):view(n, self.height, self.width, 2)
   self.output = alone and grid:select(1, 1) or grid
   return self.output
end

---------------------------------------------------------------- images at places
local Sampler = class('BilinearSamplerBHWD', nn.Module)
function Sampler:updateOutput(input)
   local images, alone = batched(input[1], 4)
   local grids = batched(input[2], 4)
   local n, high, wide, depth = images:size(1), images:size(2), images:size(3), images:size(4)
   if grids:size(1) ~= n or grids:size(4) ~= 2 then
      error('grids of ' .. n .. ' items and pairs of places expected', 2)
   end
   local rows, columns = grids:size(2), grids:size(3)
   local count = n * rows * columns
   local function along(axis, extent)
      local place = torch.mul(torch.add(grids:select(4, axis):contiguous():view(count), 1), (extent - 1) / 2)
      local first = torch.floor(place)
      return first, place - first
   end
   local top, down = along(1, high)
   local left, right = along(2, wide)
   -- Where the image of each place begins, among all pixels.
   local starts = torch.range(0, n - 1):mul(high * wide):view(n, 1):expand(n, rows * columns):contiguous():view(count)
   local pixels = images:contiguous():view(n * high * wide, depth)
   -- Half way around 0 and the last pixel, so that nothing is lost where numbers are not exact.
   local function inside(place, extent)
      return torch.cmul(torch.gt(place, -0.5):typeAs(place), torch.lt(place, extent - 0.5):typeAs(place))
   end
   local sum
   for i = 0, 1 do
      for j = 0, 1 do
         local y, x = torch.add(top, i), torch.add(left, j)
         local number = torch.mul(torch.clamp(y, 0, high - 1), wide) + torch.clamp(x, 0, wide - 1) + starts
         local weight = torch.cmul(i == 0 and torch.add(torch.mul(down, -1), 1) or down,
            j == 0 and torch.add(torch.mul(right, -1), 1) or right)
         weight = torch.cmul(weight, torch.cmul(inside(y, high), inside(x, wide)))
         local there = pixels:index(1, torch.add(number, 1))
         local part = torch.cmul(there, weight:view(count, 1):expand(count, depth))
         sum = sum and sum + part or part
      end
   end
   local output = sum:view(n, rows, columns, depth)
   self.output = alone and output:select(1, 1) or output
   return self.output
end

---------------------------------------------------------------- maps of angles, scales and shifts
-- Turned after scaling after a shift; without any of these, all six numbers of the map.
local Matrices = class('AffineTransformMatrixGenerator', nn.Module)
function Matrices:__init(useRotation, useScale, useTranslation)
   nn.Module.__init(self)
   self.useRotation, self.useScale, self.useTranslation = useRotation, useScale, useTranslation
   self.fullMode = not (useRotation or useScale or useTranslation)
end
function Matrices:updateOutput(input)
   local numbers, alone = batched(input, 2)
   local n, at = numbers:size(1), 0
   local expected = self.fullMode and 6
      or (self.useRotation and 1 or 0) + (self.useScale and 1 or 0) + (self.useTranslation and 2 or 0)
   if numbers:size(2) ~= expected then error('Expected ' .. expected .. ' parameters, got ' .. numbers:size(2), 2) end
   local function following()
      at = at + 1
      return numbers:narrow(2, at, 1)
   end
   local matrices
   if self.fullMode then
      matrices = numbers:contiguous():view(n, 2, 3)
   else
      local zeros = torch.mul(numbers:narrow(2, 1, 1), 0)
      local cosine, sine = torch.add(zeros, 1), zeros
      if self.useRotation then
         local angle = following()
         cosine, sine = torch.cos(angle), torch.sin(angle)
      end
      if self.useScale then
         local scale = following()
         cosine, sine = torch.cmul(cosine, scale), torch.cmul(sine, scale)
      end
      local first, second = zeros, zeros
      if self.useTranslation then
         local down, right = following(), following()
         first = torch.cmul(cosine, down) - torch.cmul(sine, right)
         second = torch.cmul(sine, down) + torch.cmul(cosine, right)
      end
      matrices = torch.cat({cosine, torch.mul(sine, -1), first, sine, cosine, second}, 2):view(n, 2, 3)
   end
   self.output = alone and matrices:select(1, 1) or matrices
   return self.output
end

native.loading = loading
return nn
