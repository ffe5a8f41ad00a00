"""Pictures of models, images and runs."""

from lamella._lazy import attach

_NAMES = {
    "draw_bounding_boxes": ("lamella.visualization._images", "draw_bounding_boxes"),
    "draw_segmentation_masks": ("lamella.visualization._images", "draw_segmentation_masks"),
    "plot_bounding_box_gallery": ("lamella.visualization._images", "plot_bounding_box_gallery"),
    "plot_image_gallery": ("lamella.visualization._images", "plot_image_gallery"),
    "plot_segmentation_mask_gallery": ("lamella.visualization._images", "plot_segmentation_mask_gallery"),
    # lamella's own
    "plot_activations": ("lamella.visualization._histograms", "plot_activations"),
    "plot_confusion_matrix": ("lamella.visualization._classification", "plot_confusion_matrix"),
    "plot_history": ("lamella.visualization._curves", "plot_history"),
    "plot_misclassified": ("lamella.visualization._classification", "plot_misclassified"),
    "plot_weights": ("lamella.visualization._histograms", "plot_weights"),
}

__all__ = list(_NAMES)

__getattr__, __dir__ = attach(__name__, _NAMES)
