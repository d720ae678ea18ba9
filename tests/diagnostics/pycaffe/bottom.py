import caffe
from caffe import layers as L

n = caffe.NetSpec()
n.data = L.Input(shape=dict(dim=[1, 3, 8, 8]))
n.relu = L.ReLU(n.dota)  # error[E0802]: KeyError: 'dota'
