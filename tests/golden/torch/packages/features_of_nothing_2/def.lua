return nn.FeatureLPPooling(2, 1, 2, false)
