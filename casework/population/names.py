"""Names that belong to nobody in particular: common surnames and given names, and units that do not exist."""

from __future__ import annotations

from casework.population.chance import Chance, Drawn

_SURNAMES = Drawn(
    ["王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何", "郭", "马", "罗", "梁", "宋", "郑", "谢", "韩", "唐", "冯", "于", "董", "萧", "程", "曹", "袁", "邓", "许", "傅", "沈", "曾", "彭", "吕", "苏", "卢", "蒋", "蔡", "贾", "丁", "魏", "薛", "叶", "阎", "余", "潘", "杜", "戴", "夏", "钟", "汪", "田", "任", "姜", "范", "方", "石", "姚", "谭", "廖", "邹", "熊", "金", "陆", "郝", "孔", "白", "崔", "康", "毛", "邱", "秦", "江", "史", "顾", "侯", "邵", "孟", "龙", "万", "段", "雷", "钱", "汤", "尹", "黎", "易", "常", "武", "乔", "贺", "赖", "龚", "文", "欧阳", "司马", "上官"],
    [1 / (rank + 4) for rank in range(103)],
)
_SECOND = {
    "male": ["伟", "强", "磊", "军", "勇", "杰", "涛", "明", "超", "刚", "平", "辉", "鹏", "华", "飞", "鑫", "波", "斌", "宇", "浩", "凯", "健", "俊", "帆", "帅", "旭", "宁", "龙", "林", "欢", "阳", "建", "亮", "成", "海", "峰", "志", "永", "国", "东", "文", "博", "轩", "昊", "晨", "睿"],
    "female": ["芳", "娜", "敏", "静", "丽", "艳", "娟", "霞", "秀", "燕", "玲", "桂", "英", "华", "慧", "巧", "美", "萍", "红", "玉", "兰", "翠", "雅", "云", "莲", "真", "环", "雪", "荣", "爱", "妹", "香", "月", "莺", "媛", "瑞", "凡", "佳", "嘉", "琼", "勤", "珍", "贞", "莉", "欣", "怡", "婷", "梅"],
}
_FIRST = {
    "male": ["建", "国", "志", "文", "永", "俊", "子", "家", "天", "晓", "春", "玉", "金", "德", "明", "世", "海", "学", "立", "新", "宏", "振", "少", "云"],
    "female": ["秀", "玉", "桂", "淑", "春", "晓", "雪", "小", "美", "丽", "海", "红", "文", "婉", "思", "雨", "梦", "子", "佳", "艳", "金", "素"],
}

_SYLLABLES = tuple(
    word.split(":")
    for word in ["禾:He", "汀:Ting", "昱:Yu", "岚:Lan", "沐:Mu", "峤:Qiao", "澍:Shu", "榆:Yu", "霁:Ji", "珩:Heng", "栎:Li", "澄:Cheng", "弈:Yi", "桐:Tong", "骁:Xiao", "泓:Hong", "棠:Tang", "屿:Yu", "朔:Shuo", "蓼:Liao", "铖:Cheng", "檀:Tan", "溯:Su", "颀:Qi", "翎:Ling", "垚:Yao", "璟:Jing", "笙:Sheng", "荟:Hui", "煦:Xu"]
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


def surname(chance: Chance) -> str:
    """Return a surname, the common ones more often."""
    return _SURNAMES.draw(chance)


def given_name(chance: Chance, sex: str) -> str:
    """Return a given name of one or two characters."""
    second = chance.one(_SECOND[sex])
    return second if chance.happens(0.2) else chance.one(_FIRST[sex]) + second


def made_up(chance: Chance) -> tuple[str, str]:
    """Return a name for a unit that does not exist, in Chinese and in English."""
    syllables = [chance.one(_SYLLABLES) for _ in range(3)]
    return "".join(zh for zh, _ in syllables), "".join(en for _, en in syllables).capitalize()
