"""Pictures of models, images and runs."""

from lamella._lazy import attach

_NAMES = {
    name: ("lamella.visualization._images", name)
    for name in (
        "draw_bounding_boxes",
        "draw_segmentation_masks",
        "plot_bounding_box_gallery",
        "plot_image_gallery",
        "plot_segmentation_mask_gallery",
    )
}

__all__ = list(_NAMES)

__getattr__, __dir__ = attach(__name__, _NAMES)
