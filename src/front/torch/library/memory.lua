-- Files in memory: what is written comes back as a copy. Programs of recurrent nets make the copies for the steps so.
local torch, _, native = ...

local MemoryFile = torch.class('torch.MemoryFile')

-- What a file holds, which stands for the characters that Torch would write.
local Written = {__typename = 'torch.CharStorage', __index = {}}
function Written.__index:size() return #self.items end

-- A file of what another one holds, or an empty one.
function MemoryFile:__init(held, mode)
   if type(held) ~= 'table' then held, mode = nil, held end
   self.mode = mode or 'rw'
   self.held = held or setmetatable({items = {}, seen = {}}, Written)
   self.at, self.copies = 1, {}
end
-- What is one object in all that is written stays one.
function MemoryFile:writeObject(value)
   if self.mode == 'r' then error('the file is read only', 2) end
   self.held.items[self.at] = {native.deep_copy(value, self.held.seen)}
   self.at = self.at + 1
end
function MemoryFile:readObject()
   local item = self.held.items[self.at]
   if not item then error('read error: read 0 blocks instead of 1', 2) end
   self.at = self.at + 1
   return native.deep_copy(item[1], self.copies)
end
function MemoryFile:storage() return self.held end
function MemoryFile:seek(position)
   if position ~= 1 then error('objects of a file in memory are read from the first on', 2) end
   self.at = 1
   return self
end
function MemoryFile:seekToEnd() self.at = #self.held.items + 1 return self end
function MemoryFile:position() return self.at end
function MemoryFile:close() end
function MemoryFile:hasError() return false end
for _, name in ipairs({'binary', 'ascii', 'quiet', 'pedantic', 'clearError', 'synchronize', 'autoSpacing',
   'noAutoSpacing', 'nativeEndianEncoding', 'littleEndianEncoding', 'bigEndianEncoding', 'longSize', 'referenced'}) do
   MemoryFile[name] = function(self) return self end
end

local function written(value)
   local file = torch.MemoryFile('w')
   file:writeObject(value)
   return file:storage()
end
local function read(held)
   if getmetatable(held) ~= Written then error('only what torch.serialize gave is read here', 2) end
   return torch.MemoryFile(held, 'r'):readObject()
end
torch.serialize, torch.serializeToStorage = written, written
torch.deserialize, torch.deserializeFromStorage = read, read
