require 'rnn'
local look = nn.Sequential():add(nn.JoinTable(1, 1)):add(nn.Linear(5, 4))
local rnn = nn.Recurrent(4, look, nn.Linear(4, 4), nn.Tanh())
return nn.Sequential():add(nn.RecurrentAttention(rnn, nn.Linear(4, 2), 3, {4})):add(nn.SelectTable(-1))
