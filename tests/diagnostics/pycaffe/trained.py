import caffe
from caffe import layers as L

n = caffe.NetSpec()
n.data = L.Input(shape=dict(dim=[1, 3, 8, 8]))
n.conv = L.Convolution(n.data, num_output=2, kernel_size=3, weight_filler=dict(type='xavier'))
with open('net.prototxt', 'w') as f:
    f.write(str(n.to_proto()))

caffe.set_mode_gpu()
net = caffe.Net('net.prototxt', caffe.TEST)  # warning[W0635]: what follows is not run
print(net.blobs['conv'].data.shape)
