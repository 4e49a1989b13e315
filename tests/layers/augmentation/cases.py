"""Arguments to make each layer with."""

CASES = {
    "Rescaling": (0.5,),
    "Resizing": (4, 6),
    "CenterCrop": (4, 6),
    "RandomCrop": (4, 6),
    "RandomFlip": (),
    "RandomRotation": (0.5,),
    "RandomTranslation": (0.2, 0.3),
    "RandomZoom": (0.2, 0.3),
    "RandomShear": (0.2, 0.3),
    "RandomPerspective": (1.0, 0.3),
    "RandomElasticTransform": (),
    "RandomBrightness": (0.3,),
    "RandomContrast": (0.4,),
    "RandomHue": (0.5,),
    "RandomSaturation": (0.5,),
    "RandomSharpness": (0.7,),
    "RandomColorJitter": ((0, 255), 0.2, 0.3, 0.2, 0.1),
    "RandomColorDegeneration": (0.5,),
    "RandomGrayscale": (),
    "RandomInvert": ((0.3, 0.7),),
    "RandomPosterization": (5,),
    "Solarization": (0.2, 0.5),
    "Equalization": (),
    "ContrastLimitedAdaptiveHistogramEqualization": ((0, 255), 4.0, (2, 3)),
    "AutoContrast": (),
    "RandomErasing": ((0.5, 1.0),),
    "RandomGaussianBlur": ((0.5, 1.0), (3, 5)),
    "CutMix": (),
    "MixUp": (),
    "AugMix": ((0, 255), 2, 2),
    "RandAugment": (),
    "MaxNumBoundingBoxes": (3,),
}
SEEDLESS = {
    "Rescaling",
    "Resizing",
    "CenterCrop",
    "Equalization",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "AutoContrast",
    "MaxNumBoundingBoxes",
}


def arguments(name, seed=3):
    return {} if name in SEEDLESS else {"seed": seed}
