require 'rnn' -- warning[W0605]: the shape of `input` is not known, so shapes are not checked
local lstm = nn.LSTM(3, 4)
lstm:remember('both') -- warning[W0630]: nn.LSTM begins every pass anew, whatever it is told to remember
return nn.Sequencer(lstm)
