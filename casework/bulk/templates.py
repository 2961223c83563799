"""Empty files to fill in: CSV, and XLSX with an explanation, codes to choose from, and text cells for numbers."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

from casework.bulk.columns import HEADINGS, Column, columns
from casework.bulk.sheets import MOST_ROWS, written

DATA, ABOUT, CODES = "数据", "填写说明", "代码"
ROWS_WITH_LISTS = 10_000
NOTES = (
    "在“数据”工作表中填写，第一行为列名，请勿改动；带 * 的列必填。",
    "日期写作 2013-03-01，月份写作 2013-03，是非写“是”或“否”。",
    "代码列可从下拉列表中选取，含义见“代码”工作表；也可直接填写中文名称。",
    "身份证号、电话等列为文本格式，请勿改为数值。",
    f"每个文件最多 {MOST_ROWS} 行。上传后先核对（validate），再提交（commit）；每行要么全部写入，要么完全不写入。",
    "提交结果可下载，改正后再次上传即可：已完成的行不会重复计入。",
)


def csv_template(kind: str) -> Iterator[bytes]:
    """Yield the header alone, as CSV."""
    return written([[_heading(column) for column in columns(kind)]])


def xlsx_template(kind: str) -> bytes:
    """Return a workbook to fill in."""
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook()
    data = book.active
    assert data is not None
    data.title = DATA
    data.append([_heading(column) for column in columns(kind)])
    for cell in data[1]:
        cell.font = Font(bold=True)
    data.freeze_panes = "A2"
    _explain(book.create_sheet(ABOUT), kind)
    lists = _list_codes(book.create_sheet(CODES), columns(kind))
    _prepare(data, columns(kind), lists)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _heading(column: Column) -> str:
    return f"{column.heading}*" if column.required else column.heading


def _explain(sheet: Any, kind: str) -> None:
    sheet.append([HEADINGS[kind]])
    for note in NOTES:
        sheet.append([note])
    sheet.append([])
    sheet.append(["列名", "字段", "必填", "说明"])
    for column in columns(kind):
        required = "是" if column.required else ""
        sheet.append([column.heading, column.name, required, column.about])


def _list_codes(sheet: Any, of: Sequence[Column]) -> dict[str, str]:
    """Write the codes of each column below one another; return where each column's stand."""
    sheet.append(["列名", "代码", "含义"])
    places, row = {}, 2
    for column in of:
        if column.codes:
            places[column.name] = f"'{CODES}'!$B${row}:$B${row + len(column.codes) - 1}"
            for coded in column.codes:
                sheet.append([column.heading, coded.code, coded.label.zh])
            row += len(column.codes)
    return places


def _prepare(sheet: Any, of: Sequence[Column], lists: dict[str, str]) -> None:
    """Let columns be text, so that no long number is rounded, and offer the codes where there are some."""
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    for place, column in enumerate(of, 1):
        letter = get_column_letter(place)
        dimension = sheet.column_dimensions[letter]
        dimension.number_format, dimension.width = "@", 18
        if column.name in lists:
            choice = DataValidation(type="list", formula1=lists[column.name], allow_blank=True)
            choice.errorStyle = "warning"  # a label may stand there too
            sheet.add_data_validation(choice)
            choice.add(f"{letter}2:{letter}{ROWS_WITH_LISTS}")
