"""Two admin sites: `/manage/` for catalog owners, `/admin/` for administrators."""
