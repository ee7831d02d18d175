"""Beyond classification: a detector, a reader, five stages."""

from course_utils.doors import door

__getattr__, __dir__, __all__ = door(
    __name__,
    scenes="Scenes compose tiles",
    grammar="WORDS caption judge parse web_caption",
    detector="Detector TileNet aims average_precision detection_loss detection_scores regions trunk",
    reader="Reader prefix_mask reply write",
    stages="ARMS captions judge_answers judge_captions questions see stories teach teach_detector",
    table="scene_table",
    weights="recorded_reader tile_net vision",
)
