# Tops of functions without a NetSpec; the order is that in which losses need layers.
from caffe import layers as L, params as P, to_proto


def block(bottom, outputs, **options):
    conv = L.Convolution(bottom, num_output=outputs, kernel_size=3, pad=1, bias_term=False,
                         weight_filler=dict(type='msra'), **options)
    norm = L.BatchNorm(conv, in_place=True, param=[dict(lr_mult=0, decay_mult=0)] * 3)
    scale = L.Scale(norm, bias_term=True, in_place=True, filler=dict(value=1), bias_filler=dict(value=0))
    return L.ReLU(scale, in_place=True)


def net(source, depth):
    data, label = L.Data(source=source, backend=P.Data.LMDB, batch_size=2, ntop=2,
                         transform_param=dict(crop_size=8, mean_value=[104, 117, 123.5], mirror=True))
    model = block(data, 4)
    for i in range((depth - 4) / 3):
        model = L.Eltwise(model, block(block(model, 4), 4, group=2), operation=P.Eltwise.SUM)
        model = L.Concat(model, block(model, 4))
        model = L.LRN(block(model, 4), local_size=5, alpha=1e-4, beta=0.75, norm_region=P.LRN.WITHIN_CHANNEL)
    model = L.Pooling(model, pool=P.Pooling.AVE, global_pooling=True)
    model = L.InnerProduct(model, num_output=10, weight_filler=dict(type='xavier'))
    return to_proto(L.Accuracy(model, label), L.SoftmaxWithLoss(model, label, loss_param=dict(ignore_label=255)))


if __name__ == '__main__':
    print(net('train', 10))
