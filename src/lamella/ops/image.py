"""The ops of images, as `keras.ops.image` has them."""

from lamella._lazy import missing as _missing
from lamella.ops._image_color import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from lamella.ops._image_filter import gaussian_blur, sobel_edges, ssim
from lamella.ops._image_resize import resize, scale_and_translate
from lamella.ops._image_shape import crop_images, extract_patches, extract_patches_3d, pad_images
from lamella.ops._image_warp import affine_transform, elastic_transform, map_coordinates, perspective_transform

__all__ = [
    "affine_transform",
    "crop_images",
    "elastic_transform",
    "extract_patches",
    "extract_patches_3d",
    "gaussian_blur",
    "hsv_to_rgb",
    "map_coordinates",
    "pad_images",
    "perspective_transform",
    "resize",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "scale_and_translate",
    "sobel_edges",
    "ssim",
]

__getattr__ = _missing(__name__)
