"""Names that belong to nobody in particular: common surnames and given names, and units that do not exist."""

from __future__ import annotations

from casework.population.chance import Chance, Drawn

_SURNAMES: tuple[str, ...] = (
    *"王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭",
    *"廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文",
    *("欧阳", "司马", "上官"),
)
_COMMON = Drawn(_SURNAMES, (1 / (rank + 4) for rank in range(len(_SURNAMES))))
_FIRST = {
    "male": "建国志文永俊子家天晓春玉金德明世海学立新宏振少云",
    "female": "秀玉桂淑春晓雪小美丽海红文婉思雨梦子佳艳金素",
}
_SECOND = {
    "male": "伟强磊军勇杰涛明超刚平辉鹏华飞鑫波斌宇浩凯健俊帆帅旭宁龙林欢阳建亮成海峰志永国东文博轩昊晨睿",
    "female": "芳娜敏静丽艳娟霞秀燕玲桂英华慧巧美萍红玉兰翠雅云莲真环雪荣爱妹香月莺媛瑞凡佳嘉琼勤珍贞莉欣怡婷梅",
}

_SOUND_ALIKE = ("伟玮", "丽莉", "静晶", "志智", "玉育", "明铭", "晓小", "海亥", "文雯", "金锦", "秀绣", "红虹", "辉晖")
"""Characters of given names that are taken for one another; not all of a name are."""

_SYLLABLES = (
    *(("禾", "He"), ("汀", "Ting"), ("昱", "Yu"), ("岚", "Lan"), ("沐", "Mu"), ("峤", "Qiao"), ("澍", "Shu")),
    *(("榆", "Yu"), ("霁", "Ji"), ("珩", "Heng"), ("栎", "Li"), ("澄", "Cheng"), ("弈", "Yi"), ("桐", "Tong")),
    *(("骁", "Xiao"), ("泓", "Hong"), ("棠", "Tang"), ("屿", "Yu"), ("朔", "Shuo"), ("蓼", "Liao"), ("铖", "Cheng")),
    *(("檀", "Tan"), ("溯", "Su"), ("颀", "Qi"), ("翎", "Ling"), ("垚", "Yao"), ("璟", "Jing"), ("笙", "Sheng")),
)

TRADES = (
    ("建筑工程", "Construction"),
    ("建筑劳务", "Building Labour"),
    ("电子科技", "Electronics"),
    ("食品", "Foods"),
    ("服装", "Garments"),
    ("机械制造", "Machinery"),
    ("物流", "Logistics"),
    ("餐饮管理", "Catering"),
    ("家政服务", "Housekeeping"),
    ("物业管理", "Property Services"),
    ("商贸", "Trading"),
    ("汽车零部件", "Auto Parts"),
    ("新材料", "New Materials"),
    ("人力资源", "Human Resources"),
    ("印刷包装", "Printing and Packaging"),
    ("环保科技", "Environmental Technology"),
)
"""What employers do, in Chinese and in English."""


def surname(chance: Chance) -> str:
    """Return a surname, the common ones more often."""
    return _COMMON.draw(chance)


def given_name(chance: Chance, sex: str) -> str:
    """Return a given name of one or two characters."""
    second = chance.one(_SECOND[sex])
    return second if chance.happens(0.2) else chance.one(_FIRST[sex]) + second


def misheard(chance: Chance, name: str) -> str:
    """Return a name with a character of the given name taken for one that sounds alike, where there is such a one."""
    alike = [(place, pair) for place, given in enumerate(name) if place for pair in _SOUND_ALIKE if given in pair]
    if not alike:
        return name
    place, pair = chance.one(alike)
    return name[:place] + pair.replace(name[place], "") + name[place + 1 :]


def made_up(chance: Chance) -> tuple[str, str]:
    """Return a name for a unit that does not exist, in Chinese and in English."""
    syllables = [chance.one(_SYLLABLES) for _ in range(3)]
    return "".join(zh for zh, _ in syllables), "".join(en for _, en in syllables).capitalize()
