"""Labels, meanings and captions of the report: models, measures, curves and figures."""

RECIPES = {
    "vae": "VAE",
    "ae": "autoencoder",
    "linear-ae": "linear autoencoder",
    "gan": "GAN",
    "gan2014": "GAN of 2014",
    "vae-gan": "VAE-GAN",
    "aae": "adversarial autoencoder",
    "denoise": "denoiser",
    "enlarge": "enlarger",
    "colourise": "colouriser",
    "segment": "segmenter",
    "inpaint": "inpainter",
}
"""Recipe -> its model; other recipes keep their names."""

GANS = {"gan", "gan2014"}
"""Recipes whose model is a generator without a density and without an encoder."""

SEVERITIES = {"fine": "fine", "note": "note", "warning": "look into it", "failure": "failed"}
"""Severity of a finding -> its label."""

CURVES = (
    "Means per example: of training, over the steps since the previous point; of validation, over "
    "the whole split. A validation curve that turns back while training still improves shows that "
    "the model has begun to overfit: it memorises its examples."
)

CURVES_OF_A_GAME = (
    "A game of several players: no curve descends to an optimum, and no loss measures the quality "
    "of samples. The curves show who is winning. V(D, G) at −log 4 and an accuracy of one half "
    "mean that the discriminator is at chance; V near 0 and an accuracy near 1, that it "
    "distinguishes everything and has little left to teach. (In games other than minimax and "
    "non-saturating the logits' level is free: there V may be lower.) Validation evaluates the "
    "discriminator, the averaged one if an average is kept, on real examples that it was not "
    "trained on: for a comparison under equal conditions see the overfitting of the "
    "discriminator, among the numbers."
)

FEW_VALUES = (
    "The metrics have one value of each term, of step {step}: too few for curves. The option "
    "log-every sets the number of steps in a line of the metrics."
)

OVERLAID_CURVES = (
    "Lines are means per example of training, over the steps since the previous point; points are "
    "those of validation, over the whole split. Terms that several runs have come first. "
    "Losses of different objectives, and bounds of different likelihoods, do not compare."
)

MEASURES = {
    "elbo": ("ELBO", "Lower bound on log p(x). Higher is better."),
    "importance_weighted_bound": (
        "Importance-weighted bound",
        "A tighter bound: it rises to log p(x) with the number of codes. Higher is better.",
    ),
    "bits_per_dim": ("Bits per dimension", "The ELBO as a code length. Lower is better."),
    "log_likelihood": ("E log p(x|z)", "How well a code explains its example. Higher is better."),
    "kl": ("KL(q(z|x) || p(z))", "Information that a code carries about its example: its cost."),
    "squared_error": ("Squared error", "||x - E[x|z]||² per example. Lower is better."),
    "ppca_log_likelihood": (
        "log p(x) of probabilistic PCA",
        "The linear model with as many latents, exact: the baseline to beat.",
    ),
    "frechet": (
        "Frechet distance",
        "Between samples and test examples, each taken as a Gaussian in the features that the "
        "protocol names; other features give other numbers. Lower is better.",
    ),
    "frechet_unbiased": (
        "Frechet distance, unbiased",
        "The same, extrapolated to infinitely many samples; about 0 for a perfect model.",
    ),
    "kernel_distance": (
        "Kernel distance",
        "Squared maximum mean discrepancy in the same features; about 0 for a perfect model.",
    ),
    "precision": ("Precision", "Share of samples near test examples. Higher is better."),
    "recall": ("Recall", "Share of test examples near samples. Higher is better."),
    "density": (
        "Density",
        "Precision that no outlier can raise: the number of test examples near a sample, scaled "
        "to be about 1 for a perfect model.",
    ),
    "coverage": (
        "Coverage",
        "Share of test examples with a sample near them: missing modes lower it. About 0.97 for a "
        "perfect model.",
    ),
    "two_sample_accuracy": (
        "Accuracy of a classifier",
        "Of samples against test examples: 0.5 if it cannot distinguish them, 1 if it always can.",
    ),
    "modes": ("Modes", "Number of the data's known modes that samples fall on."),
    "high_quality": ("High quality", "Samples within three standard deviations of a mode."),
    "reverse_kl": (
        "Reverse KL over modes",
        "KL divergence from the samples' shares of the modes to equal ones; of points, only those "
        "of high quality count. Lower is better.",
    ),
    "discriminator_overfitting": (
        "Overfitting of the discriminator",
        "Share of the gap between training examples and samples that it loses on test examples. "
        "0: it has memorised nothing; 1: everything.",
    ),
    "nearest_drawn": (
        "Nearest training example, of samples",
        "The distance. Samples far below test examples are copies.",
    ),
    "nearest_held_out": ("Nearest training example, of test examples", "The distance."),
    "nearer_than_held_out": (
        "Samples nearer to training data",
        "How often a sample is nearer to its nearest training example than a test example is: "
        "0.5 for new examples, towards 1 for copies.",
    ),
    "parzen_log_likelihood": (
        "Parzen-window log-likelihood",
        "For comparison with published tables alone: it ranks models of images wrongly. Higher "
        "is meant to be better.",
    ),
    "parzen_of_real_data": (
        "Parzen windows on real data",
        "The same of as many training examples: a model that scores more is no better than data.",
    ),
    "psnr": ("PSNR", "Of the output, against the clean picture. Higher is better."),
    "ssim": ("SSIM", "Structural similarity; 1 for the same picture. Higher is better."),
    "ms_ssim": ("MS-SSIM", "Structural similarity over five scales. Higher is better."),
    "psnr_before": ("PSNR before", "Of the network's input: the baseline to beat."),
    "psnr_hole": ("PSNR of missing pixels", "Inside the holes alone. Higher is better."),
    "psnr_hole_before": ("PSNR of mid-grey", "Inside the holes: the baseline to beat."),
    "psnr_y": ("PSNR of luma", "Of the brightness alone. Higher is better."),
    "ssim_y": ("SSIM of luma", "Of the brightness alone. Higher is better."),
    "psnr_y_before": ("PSNR of luma, bicubic", "Of bicubic enlargement: the baseline to beat."),
    "colourfulness_truth": ("Colourfulness of the truth", "The value to reach."),
    "psnr_chroma": ("PSNR of chroma", "Of a and b of CIE Lab. Higher is better."),
    "colourfulness": ("Colourfulness", "Of the output, to be compared with the truth's."),
    "colourfulness_error": ("Error of colourfulness", "Against the truth's. Lower is better."),
    "psnr_chroma_grey": ("PSNR of chroma, grey", "Without any colour: the baseline to beat."),
    "colourfulness_grey": ("Colourfulness of grey", "Zero but for rounding."),
    "colourfulness_error_grey": ("Error of colourfulness, grey", "Without any colour."),
    "psnr_chroma_mean": ("PSNR of chroma, mean colour", "Of the training data's mean colour."),
    "colourfulness_mean": ("Colourfulness of the mean colour", "Of one colour everywhere."),
    "colourfulness_error_mean": ("Error of colourfulness, mean colour", "Of one colour."),
    "psnr_chroma_gain_over_grey": (
        "Gain in PSNR of chroma over grey",
        "Picture by picture. Higher is better.",
    ),
    "psnr_chroma_gain_over_mean": (
        "Gain in PSNR of chroma over the mean colour",
        "Picture by picture. Higher is better.",
    ),
    "mean_iou": ("Mean IoU", "Intersection over union, the mean over classes. Higher is better."),
    "pixel_accuracy": ("Pixel accuracy", "Share of correct pixels. Higher is better."),
    "mean_class_accuracy": ("Mean class accuracy", "Share of correct pixels, mean over classes."),
    "pixel_error": ("Pixel error", "Share of wrong pixels. Lower is better."),
    "rand_error": ("Rand error", "Of pairs of pixels, in one object or in two. Lower is better."),
    "warping_error": ("Warping error", "Of splits, mergers and holes alone. Lower is better."),
    "interval_90": (
        "Values inside their 90 % interval",
        "Calibration of the network's own uncertainty: 0.9 if it is right.",
    ),
}
"""Measure -> its label and its meaning, in the order of the report's table."""

KEY_MEASURES = (
    *("elbo", "importance_weighted_bound", "bits_per_dim", "squared_error"),
    *("parzen_log_likelihood", "frechet", "precision", "recall", "coverage", "modes"),
    *("psnr", "psnr_y", "psnr_hole", "psnr_chroma", "mean_iou"),
)
"""Measures that have a tile at the top of the report."""

SUMMARY_MEASURES = ("elbo", "squared_error", "frechet", *KEY_MEASURES[-5:])
"""Measures of which the first that a run has ends its summary."""

CAPTIONS = {
    "translations": (
        "Input, output and truth",
        "A row for each test picture: the input, the output, and the truth. For a network with "
        "several answers, some of them in between. Look for details that are smoothed away, and "
        "for details that were never there.",
    ),
    "reconstructions": (
        "Reconstructions",
        "Rows in pairs: test examples, and below each the decoding of its code. What is lost is "
        "not in the code; look for details that are smoothed away and for rare shapes that turn "
        "into common ones.",
    ),
    "samples": (
        "Samples",
        "Codes sampled from the prior, decoded to the mean of p(x|z). Look for as much variety as "
        "in the data, and for images between classes: there the prior has mass but the data have "
        "none.",
    ),
    "manifold": (
        "The manifold",
        "A plane of codes, decoded: two latents pass through the unit square by the inverse "
        "Gaussian CDF, the others are 0, so that every image represents the same probability "
        "under N(0, I). Look for smooth changes, and for the area of each type of image.",
    ),
    "latent": (
        "The latent space",
        "Each point is the mean code of one test example, coloured by class if there are classes. "
        "The model was trained without them: classes that separate were found in the data.",
    ),
    "interpolation": (
        "Interpolation",
        "Each row walks from the code of one test example to the code of another. On a manifold "
        "well learned, every image on the way could be an example; a cross-fade of the two ends "
        "means that the way leaves the data.",
    ),
    "walks": (
        "Walks",
        "Each row walks from one code sampled from the prior to another. Look for smooth changes, "
        "and for images on the way that could be examples themselves.",
    ),
    "geometry": (
        "Lengths on the manifold",
        "The plane of codes, coloured by the magnification factor sqrt(det G), how much area the "
        "decoder makes of a unit of codes: ridges are borders between groups of examples. Steps "
        "along an ellipse change the image by the same amount. Geodesics are the curves along "
        "which the image changes least in all.",
    ),
    "geodesics": (
        "Geodesics",
        "Rows in pairs: images along the straight line between two codes, and below it those "
        "along the geodesic, which avoids detours through images that are far from both.",
    ),
    "singular-values": (
        "Immersion",
        "The smallest singular value of the decoder's Jacobian, at codes of test examples and of "
        "the prior. Where it is 0 a direction of codes changes nothing, and the image of the "
        "decoder is not an immersed manifold.",
    ),
    "neighbours": (
        "Nearest training images",
        "Rows in pairs: samples, and below each the training image that is nearest to it in "
        "pixels, of at most 60,000. Samples that equal their neighbours, grain for grain, are "
        "copies: the model has memorised its examples.",
    ),
    "progress": (
        "The training",
        "The same codes, or the same inputs, after more and more steps of the training; of a run "
        "in training, or of a long film, the last picture.",
    ),
    "drawn": (
        "Samples on request",
        "The first of the last samples of immersion sample, decoded to the mean of p(x|z); for a "
        "table, rows sampled from p(x|z) next to the data.",
    ),
    "table": (
        "Data and samples",
        "Rows of the data next to rows sampled from the model, z from the prior and x from "
        "p(x|z), on the same axes: of more than two columns, along the first two principal "
        "directions of the standardised columns. Look for groups that are missing and for samples "
        "where the data have none.",
    ),
}
"""Picture -> its title and explanation, in the order of the report."""

CAPTIONS_OF_A_GAN = {
    "samples": (
        "Samples",
        "Codes sampled from the prior, and the generator's images of them, not selected. Look "
        "for as much variety as in the data, and for the same image again and again: a generator "
        "that has collapsed makes a few good ones and nothing else.",
    ),
    "manifold": (
        "The manifold",
        "A plane of codes through the generator: two of the code's numbers pass through the unit "
        "square by the prior's inverse CDF, the others are 0. Look for smooth changes; jumps show "
        "where the generator has torn its manifold to cover classes that do not touch.",
    ),
    "table": (
        "Data and samples",
        "Rows of the data next to rows that the generator made, on the same axes: of more than "
        "two columns, along the first two principal directions of the standardised columns. Look "
        "for groups that are missing, and for samples between groups, where the data have none.",
    ),
    "reconstructions": (
        "Reconstructions",
        "Rows in pairs: test examples, and below each the nearest image that the generator can "
        "make, from the code that was found for it. What is missing from the generator's manifold "
        "cannot be reconstructed.",
    ),
}
"""Captions of a GAN's pictures, where they differ."""

NOT_GENERATIVE = (
    "An autoencoder learns a code for every example but no distribution over codes. Here codes "
    "were sampled from N(0, I) all the same, and decoded. Nothing in training made the codes of "
    "data resemble samples from N(0, I), so most of these are where the decoder was never "
    "trained, and its output there resembles no data."
)
